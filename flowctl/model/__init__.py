"""The nouns: flow, fleet and traffic, as frozen values."""
