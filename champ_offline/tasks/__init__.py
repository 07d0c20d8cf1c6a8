"""Long verbs that can be left and followed from anywhere; see FORMAT.md."""
