"""Token classification: a BIO tag for each word (named entities)."""
