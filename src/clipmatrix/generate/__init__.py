"""The descent: from a config to a finished character, as a stream of events."""
