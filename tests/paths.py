"""Where tests find things.

The checkout, the golden numbers, and what is shared beside the checkout, where it is there
at all.
"""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
GOLDEN = ROOT / "tests" / "golden"
# Captured motion and more vectors, where somebody has them: nothing may need this folder.
SHARED = ROOT.parent / "shared"
