#!/bin/bash
# llama.cpp's server for one GGUF file: leaves tinyllama-engine.service on 127.0.0.1:8000 behind.
# Called once, as root, by a worker's first boot, with PYTHON, GPU, MODEL, MODEL_URL, MODEL_SHA256,
# CONCURRENCY, ENGINE_HOME and ENGINE_USER.
set -euo pipefail

dnf install --quiet --assumeyes gcc gcc-c++ cmake ninja-build "$(basename "$PYTHON")-devel"
file=$ENGINE_HOME/model.gguf
curl --fail --silent --show-error --location --proto '=https' --retry 5 --output "$file" "$MODEL_URL"
echo "$MODEL_SHA256  $file" | sha256sum --check --quiet

"$PYTHON" -m venv "$ENGINE_HOME/venv"
flags=-DGGML_NATIVE=ON
layers=0
if [ "$GPU" = true ]; then
  flags="$flags -DGGML_CUDA=ON"
  layers=-1
  export PATH="/usr/local/cuda/bin:$PATH"
fi
CMAKE_ARGS=$flags "$ENGINE_HOME/venv/bin/pip" install --quiet 'llama-cpp-python[server]==0.3.36'

# One request at a time is this server's way: the others wait, and none interrupts another.
cat > /etc/systemd/system/tinyllama-engine.service <<UNIT
[Unit]
Description=llama.cpp behind the TinyLlama worker
After=network-online.target

[Service]
User=$ENGINE_USER
WorkingDirectory=$ENGINE_HOME
ExecStart=$ENGINE_HOME/venv/bin/python -m llama_cpp.server --host 127.0.0.1 --port 8000 --model $file --model_alias $MODEL --n_gpu_layers $layers --n_ctx 4096 --interrupt_requests false
StandardOutput=append:/var/log/tinyllama/engine.log
StandardError=inherit
Restart=always
RestartSec=5
NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
ReadWritePaths=$ENGINE_HOME
# The instance's role is the worker's, not the engine's.
IPAddressDeny=169.254.169.254 fd00:ec2::254

[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now tinyllama-engine.service
