"""How faults are planted, whatever the framework: no backend is asked which one it is.

proxy     a backend, program or trainer that is right but for what it overrides
graphs    a graph whose nodes, inputs or results compute something else
noise     noise drawn by NumPy, rightly or wrongly, in place of the framework's
patches   a function of the harness itself, replaced for a while
"""
