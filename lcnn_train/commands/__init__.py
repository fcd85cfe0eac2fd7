"""Commands of `lcnn-train` with a file of their own: `add(commands)` makes the parser, which runs the command."""
