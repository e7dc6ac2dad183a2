"""The built-in body: a person's surface, made by code around the joints of Human3.6M.

It stands in for licensed body models, whose files nobody has on a fresh machine. Nobody was
measured for it: proportions are an adult's, shapes are what the words say. A coarse cage of rings
(`cage.py`) is divided and rounded (`rounding.py`), joints are regressed (`regressor.py`), and
seven shapes change it (`shapes.py`). Metres; x to the body's right, y forward, z up.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from models.errors import BadInput
from models.human import parts, regressor, rounding, shapes
from models.human.cage import cage
from models.human.rings import JOINTS, REST
from models.mesh import Mesh

FINEST = 6  # 7,130 vertices


@lru_cache(maxsize=8)
def human(detail: int = 3, joints: tuple[str, ...] = JOINTS) -> Mesh:
    """The body at a level of detail: 3 has about 1,700 vertices, 1 the fewest, 200.

    `joints` are Human3.6M's 17, or some of them in any order: what hangs on one that is left out
    goes with its child. Raises BadInput for a detail that is none, and for joints that it lacks.
    """
    if not 1 <= detail <= FINEST:
        raise BadInput(f"body: detail {detail}; a number from 1 to {FINEST} was due")
    parts.check(joints)
    coarse = cage()
    added = shapes.directions(coarse)  # (7, C, 3)
    columns = [coarse.points, coarse.weights, *added]
    fine = rounding.rounded(
        coarse.faces,
        np.concatenate(columns, axis=1),
        detail,
    )
    edges = np.cumsum([column.shape[1] for column in columns])[:-1]
    vertices, every, *moved = np.split(fine.columns, edges, axis=1)
    weights = parts.merged(every, joints)
    kept = [JOINTS.index(joint) for joint in joints]
    parents = parts.parents(joints)
    rows = regressor.fitted(vertices, weights, REST[kept], parents)
    return Mesh(
        name=f"human at detail {detail}",
        vertices=vertices,
        faces=fine.faces,
        regressor=rows,
        weights=weights,
        parents=parents,
        shapes=np.stack(moved),
        shape_names=shapes.NAMES,
    )
