"""Fuzzing: whatever bytes a medium holds, a reader answers with a value or with a ChampError."""
