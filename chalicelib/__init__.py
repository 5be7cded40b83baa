"""All that ships in the Lambda."""

__version__ = "0.5.0"
