"""Profile to text: everything that a proxy and its surroundings need to account what the profile asks for. Pure."""
