"""Make a Llama of about 100,000 random weights, with a tokenizer and a chat template.

Run by the model server's own Python (``setup.sh``), never by the project's:
``python make_model.py FOLDER``. The same pins make the same model, byte for byte. What it answers
is gibberish; that it answers at all, token by token, is what the engine tests need.
"""

import sys
from pathlib import Path

import torch  # type: ignore[import-not-found]
from tokenizers import (  # type: ignore[import-not-found]
    Tokenizer,
    decoders,
    models,
    pre_tokenizers,
    trainers,
)
from transformers import (  # type: ignore[import-not-found]
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

SEED = 20_240_613
VOCABULARY = 512
CONTEXT_TOKENS = 2048
PARAMETERS = range(95_000, 105_001)
SPECIAL = ("<s>", "</s>", "<pad>")
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% for message in messages %}"
    "{{ message['role'] + ': ' + message['content'] + '\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant: ' }}{% endif %}"
)
# Enough letters, words and accents for a few hundred merges, some of them beyond ASCII.
TEXT = """
The small llama walks along the river and asks where the water comes from.
A queue keeps the order of those who wait; a worker takes the oldest and answers it.
Once a lease has lapsed, another may take the work; whoever comes late is turned away.
user: what is a token? assistant: a piece of a word, counted from the left to the right.
system: be brief. user: good morning! assistant: good morning, how may I help you today?
Ein kleines Lama läuft über die grüne Brücke, hört den Fluß und fragt: woher kommt das Wasser?
Une petite bête grignote des pâtes à la crème près de la forêt; où est passé le garçon?
El pequeño niño soñó con una llama; mañana volverá, ¿verdad? Sí, señor, mañana volverá.
0 1 2 3 4 5 6 7 8 9 10 12 24 48 96 100 128 256 512 1000 1024 2048
""".strip().splitlines()


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Train a byte-level BPE tokenizer that can spell every text, in ``VOCABULARY`` tokens."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=list(SPECIAL),
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(TEXT, trainer)
    bos, eos, pad = SPECIAL
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=bos,
        eos_token=eos,
        pad_token=pad,
        chat_template=CHAT_TEMPLATE,
        model_max_length=CONTEXT_TOKENS,
        clean_up_tokenization_spaces=False,
    )


def make_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """Return the untrained model; SystemExit when it is not of the promised size."""
    torch.manual_seed(SEED)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=64,
            intermediate_size=112,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=CONTEXT_TOKENS,
            tie_word_embeddings=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    if model.num_parameters() not in PARAMETERS:
        raise SystemExit(f"the model has {model.num_parameters():,} parameters")
    model.generation_config = GenerationConfig(
        do_sample=True,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        suppress_tokens=unspeakable(tokenizer),
    )
    return model


def unspeakable(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """Return the ids that the model must never pick: halves of a character, and ``SPECIAL``.

    Picked at random, halves would hold the stream back until a letter is whole, and </s> would end
    an answer anywhere. So an answer is as long as it may be, unless the caller's ``stop`` ends it.
    """
    return [
        token_id
        for token_id in range(len(tokenizer))
        if token_id in tokenizer.all_special_ids
        or "\N{REPLACEMENT CHARACTER}" in tokenizer.decode([token_id])
    ]


def main() -> None:
    """Save the model and its tokenizer into the folder named on the command line."""
    folder = Path(sys.argv[1])
    tokenizer = make_tokenizer()
    model = make_model(tokenizer)
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)
    sys.stdout.write(f"{model.num_parameters():,} parameters, {len(tokenizer)} tokens\n")


if __name__ == "__main__":
    main()
