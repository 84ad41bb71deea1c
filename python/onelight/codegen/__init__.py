"""Pure functions from a tool to text: the OpenFX table, the Nuke gizmo, the docs page; `__main__` writes them."""
