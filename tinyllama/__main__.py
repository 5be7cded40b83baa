"""Where ``tinyllama`` and ``python -m tinyllama`` begin; Ctrl-C ends them with 130 from here on."""

import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command line; while it is still being loaded nothing else would hear of Ctrl-C."""
    try:
        from tinyllama import cli  # noqa: PLC0415 - a quarter of a second

        cli.main()
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


if __name__ == "__main__":
    main()
