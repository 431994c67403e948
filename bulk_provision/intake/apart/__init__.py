"""The process of its own that reads sources, and how we speak with it."""
