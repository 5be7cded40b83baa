"""All that ships in the Lambda."""
