"""All that ships in the Lambda."""

__version__ = "0.4.0"
