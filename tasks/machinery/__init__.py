"""The quiet part: what makes a pure function a cached, resumable, recorded stage."""
