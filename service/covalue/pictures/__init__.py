"""
Pictures of a case, drawn by our own code: pure functions from rows to SVG, with deterministic layouts.

Every text that comes from the graph is a text node or an attribute of a tree that escapes both when it is written, so a literal can
never become markup. Colours and line styles are classes; a page styles them (dark mode, print), a saved file carries its style.
"""
