"""One file per section of the report; the folder is the list of them.

Each holds TITLE, `render(run, figures) -> list[Block]`, and AFTER, the names of the
sections it comes after (none: it is among the first). Where neighbours leave a choice the
order is by name. A file that begins with an underscore serves the others.
"""
