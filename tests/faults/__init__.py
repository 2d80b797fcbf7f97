"""One file for each fault: injected for real, under the recorder, against the real server."""
