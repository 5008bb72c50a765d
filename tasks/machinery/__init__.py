"""The machinery: it turns a pure function into a cached, resumable, recorded stage."""
