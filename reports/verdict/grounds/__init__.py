"""What a verdict rests on: every ground is one file, and the folder is the list of them.

Each holds `reasons(evidence)` about a model with QUESTION, the one that they answer
(`reports/verdict/reason.py` lists them), `of_backend(run, backend)`, or both; AFTER, the names of
the grounds whose reasons are read before its own; and, where numbers decide, LIMITS. A file that
begins with an underscore serves the others.
"""
