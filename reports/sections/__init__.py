"""One file per section of the report: ORDER, TITLE and `render(run, figures) ->
list[Block]`.
"""
