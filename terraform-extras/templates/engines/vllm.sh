#!/bin/bash
# vLLM for one model of Hugging Face: leaves tinyllama-engine.service on 127.0.0.1:8000 behind.
# Called once, as root, by a worker's first boot, with PYTHON, GPU, MODEL, MODEL_URL, MODEL_SHA256,
# CONCURRENCY, ENGINE_HOME and ENGINE_USER.
set -euo pipefail

# vLLM compiles kernels for the card when it starts.
dnf install --quiet --assumeyes gcc gcc-c++ "$(basename "$PYTHON")-devel"
"$PYTHON" -m venv "$ENGINE_HOME/venv"
"$ENGINE_HOME/venv/bin/pip" install --quiet --only-binary :all: 'vllm==0.33.0'
chown -R "$ENGINE_USER:" "$ENGINE_HOME"

cat > /etc/systemd/system/tinyllama-engine.service <<UNIT
[Unit]
Description=vLLM behind the TinyLlama worker
After=network-online.target

[Service]
User=$ENGINE_USER
WorkingDirectory=$ENGINE_HOME
Environment=HOME=$ENGINE_HOME HF_HOME=$ENGINE_HOME/models PATH=$ENGINE_HOME/venv/bin:/usr/local/cuda/bin:/usr/bin:/bin
ExecStart=$ENGINE_HOME/venv/bin/vllm serve $MODEL --host 127.0.0.1 --port 8000 --max-num-seqs $CONCURRENCY
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
