"""The exports of other telephone systems: one file for each."""
