"""Training: value_and_grad and an optax update in one compiled function.

The old weights and optimizer state give their memory to the new. Noise is drawn inside the
step from a key that is split there, so a step is a pure function of what it is given.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from backends.base import Arrays, Feeds, Settings, Trainer, Unsupported
from backends.jax.program import JaxProgram, read
from backends.slots import STEPS, renamed, whole
from models.graph import Graph
from models.optim import NEAR_ZERO, Optimizer
from models.stepping import slot

Values = dict[str, jax.Array]


class Amsgrad(NamedTuple):
    """State of Adam that never forgets how large the second moment was."""

    moments: Any  # optax's own
    nu_max: Any


def native_optimizer(o: Optimizer) -> Any:
    """optax's version of the rule.

    The learning rate lies in the state, so that it can change without compiling again; decay
    and epsilon lie there so that trainers which differ in them share a compiled step.
    """

    def rule(learning_rate: Any, weight_decay: Any, eps: Any) -> Any:
        decay = optax.add_decayed_weights(weight_decay)
        descend = optax.scale_by_learning_rate(learning_rate)
        match o.rule:
            case "sgd":
                return optax.chain(decay, optax.sgd(learning_rate, o.momentum))
            # optax puts epsilon under the root and decays by 0.9 unless told
            case "rmsprop":
                native = optax.rmsprop(learning_rate, o.alpha, eps, eps_in_sqrt=False)
                return optax.chain(decay, native)
            case "adam":
                return optax.chain(decay, scale_by_adam(o, eps), descend)
            # decay joins the step behind the moments, not the gradient before them
            case "adamw":
                return optax.chain(scale_by_adam(o, eps), decay, descend)
        raise Unsupported(
            f"optimizer {o.rule}: backends/jax/train.py has no rule for it"
        )

    made = optax.inject_hyperparams(rule)
    return made(learning_rate=o.lr, weight_decay=o.weight_decay, eps=o.eps)


def scale_by_adam(o: Optimizer, eps: Any) -> optax.GradientTransformation:
    """optax.scale_by_adam with exact bias corrections.

    optax takes 1 - beta**t in float32, where 1 - 0.999 is off by 1.3e-5 of itself: its
    early steps are up to 1.3e-5 of themselves too long.
    """
    native = optax.scale_by_adam(o.beta1, o.beta2, eps)

    def init(params: Any) -> Any:
        begun = native.init(params)
        # zeros of its own: a step gives the memory of both away
        largest = jax.tree.map(jnp.zeros_like, begun.nu)
        return Amsgrad(begun, largest) if o.amsgrad else begun

    def update(
        grads: Any,
        state: Any,
        params: Any = None,
    ) -> tuple[Any, Any]:
        held, largest = state if o.amsgrad else (state, None)
        # its own result is dropped by the compiler
        _, moments = native.update(grads, held, params)
        seconds = moments.nu
        if o.amsgrad:
            # optax's own would take the largest of the corrected ones
            seconds = jax.tree.map(jnp.maximum, largest, moments.nu)
        # 1 - beta**t as -expm1(t log beta): no difference of numbers that are nearly alike
        first, second = (
            -jnp.expm1(moments.count * math.log(beta)) for beta in (o.beta1, o.beta2)
        )

        def step(m: Any, v: Any) -> Any:
            return m / first / (jnp.sqrt(v / second) + eps)

        moved = jax.tree.map(step, moments.mu, seconds)
        return moved, Amsgrad(moments, seconds) if o.amsgrad else moments

    return optax.GradientTransformation(init, update)


def clipped(grads: Values, o: Optimizer) -> Values:
    """The gradients as the rule is to take them."""
    if o.clip_value is not None:
        most = o.clip_value
        grads = {name: jnp.clip(grad, -most, most) for name, grad in grads.items()}
    if o.clip_norm is not None:
        # optax's own clipping divides by the norm alone
        squares = [jnp.sum(grad * grad) for grad in grads.values()]
        norm = jnp.sqrt(sum(squares[1:], start=squares[0]))
        factor = jnp.minimum(o.clip_norm / (norm + NEAR_ZERO), 1.0)
        grads = {name: grad * factor for name, grad in grads.items()}
    return grads


# optax's names of what a rule keeps of the parameters, in the rule's order
SLOTS = {
    "sgd": ("trace",),
    "rmsprop": ("nu",),
    "adam": ("mu", "nu", "nu_max"),
    "adamw": ("mu", "nu", "nu_max"),
}
RATE, KEY = "learning_rate", "key"


class JaxTrainer(Trainer):
    """One compiled step: the program holds weights, state and key, this optax's state."""

    def __init__(
        self,
        graph: Graph,
        optimizer: Optimizer,
        settings: Settings,
    ) -> None:
        self.program: JaxProgram = JaxProgram(graph, settings)
        self.optimizer = native_optimizer(optimizer)
        self._rule = optimizer
        self._trained = graph.trainable()
        fresh = self.optimizer.init(self._weights(self.program.values))
        self._slots = jax.device_put(fresh, self.program.device)
        self._gradients = self.program.compiled(self._loss_and_grads)
        # weights and slots; below the key too. Feeds are the caller's, and come again
        self._update = self.program.compiled(self._updated, donate=(0, 1))
        self._step = self.program.compiled(self._stepped, donate=(0, 1, 2))
        self._add = self.program.compiled(self._added, donate=(1, 2))
        self._mean = self.program.compiled(_shared)
        self.set_lr(optimizer.lr)

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and gradients; running statistics move."""
        program = self.program
        key = program.next_key()
        (loss, state), grads = self._gradients(program.values, feeds, key)
        program.values |= state
        arrays = {name: np.array(read(grad)) for name, grad in grads.items()}
        return float(loss), arrays

    def apply(self, grads: Arrays) -> None:
        """The update alone."""
        program = self.program
        native = {}
        for name in self._trained:
            copied = np.array(grads[name], np.float32)
            native[name] = jax.device_put(copied, program.device)
        program.values, self._slots = self._update(program.values, self._slots, native)

    def step(self, feeds: Feeds, *more: Feeds) -> Any:
        """One compiled step; the arrays it was given are gone after it."""
        program = self.program
        if more:
            return self._accumulated((feeds, *more))
        moved = self._step(program.values, self._slots, program.key, feeds)
        loss, program.values, self._slots, program.key = moved
        return loss

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        # an array: a Python number would be another type, and compiled for anew
        placed = jax.device_put(np.float32(lr), self.program.device)
        numbers = {**self._slots.hyperparams, "learning_rate": placed}
        self._slots = self._slots._replace(hyperparams=numbers)

    def state(self) -> dict[str, np.ndarray]:
        """As `backends/slots.py` has it, and the key of the noise."""
        paths, _ = jax.tree_util.tree_flatten_with_path(self._slots)
        found = {}
        for path, leaf in paths:
            name = self._named(path)
            if name != RATE:  # the caller's
                found[name] = np.array(leaf)
        return {**found, KEY: np.array(jax.random.key_data(self.program.key))}

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave, here or in another framework.

        Raises BadInput where it is the state of another optimizer.
        """
        paths, tree = jax.tree_util.tree_flatten_with_path(self._slots)
        names = {_path(path): self._named(path) for path, _ in paths}
        state = renamed(state, names)
        weights = self._weights(self.program.values)
        shapes = {name: value.shape for name, value in weights.items()}
        found = whole(state, shapes, self._rule)
        device = self.program.device
        leaves = []
        for path, leaf in paths:
            # copies: JAX might share the caller's memory, and the step gives it away
            array = np.array(found.get(self._named(path), leaf), leaf.dtype)
            leaves.append(jax.device_put(array, device))
        self._slots = jax.tree_util.tree_unflatten(tree, leaves)
        if KEY in state:
            key = jax.random.wrap_key_data(jnp.asarray(state[KEY]))
            self.program.key = jax.device_put(key, device)

    def _named(self, path: Any) -> str:
        """How a checkpoint calls a leaf of optax's state."""
        *_, kind, name = ("", *map(_part, path))
        slots = SLOTS[self._rule.rule][: self._rule.slots()]
        if kind in slots:
            return slot(name, slots.index(kind))
        # optax counts in several places; all count the same steps
        return STEPS if name == "count" else name

    def _accumulated(self, batches: Sequence[Feeds]) -> Any:
        """One compiled call for each batch, and one for the update."""
        program = self.program
        zeros = jax.tree.map(jnp.zeros_like, self._weights(program.values))
        total = jax.device_put((jnp.zeros(()), zeros), program.device)
        for feeds in batches:
            added = self._add(program.values, program.key, total, feeds)
            total, state, program.key = added
            program.values |= state
        loss, grads = self._mean(total, len(batches))
        program.values, self._slots = self._update(program.values, self._slots, grads)
        return loss

    def _weights(self, values: Values) -> Values:
        return {name: values[name] for name in self._trained}

    def _loss_and_grads(
        self,
        values: Values,
        feeds: Feeds,
        key: Any,
    ) -> tuple[tuple[jax.Array, Values], Values]:
        # of the trained ones alone: running state and counts have no gradient
        def loss(weights: Values) -> tuple[jax.Array, Values]:
            outputs, state = self.program.native({**values, **weights}, feeds, key)
            # in mixed precision a loss may come in less, and its gradient would too
            return outputs["loss"].astype(jnp.float32), state

        return jax.value_and_grad(loss, has_aux=True)(self._weights(values))

    def _updated(
        self,
        values: Values,
        slots: Any,
        grads: Values,
    ) -> tuple[Values, Any]:
        weights = self._weights(values)
        grads = clipped(grads, self._rule)
        updates, slots = self.optimizer.update(grads, slots, weights)
        for name, factor in self._rule.rates:
            updates[name] = updates[name] * factor
        return {**values, **optax.apply_updates(weights, updates)}, slots

    def _stepped(
        self,
        values: Values,
        slots: Any,
        key: jax.Array,
        feeds: Feeds,
    ) -> tuple[jax.Array, Values, Any, jax.Array]:
        key, own = jax.random.split(key)
        (loss, state), grads = self._loss_and_grads(values, feeds, own)
        values, slots = self._updated(values, slots, grads)
        return loss, {**values, **state}, slots, key

    def _added(
        self,
        values: Values,
        key: jax.Array,
        total: tuple[jax.Array, Values],
        feeds: Feeds,
    ) -> tuple[tuple[jax.Array, Values], Values, jax.Array]:
        """Loss and gradients added to those of the batches before; new state and key."""
        key, own = jax.random.split(key)
        (loss, state), grads = self._loss_and_grads(values, feeds, own)
        return jax.tree.map(jnp.add, total, (loss, grads)), state, key


def _shared(total: Any, count: Any) -> Any:
    return jax.tree.map(lambda summed: summed / count, total)


def _path(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")


def _part(part: Any) -> str:
    return jax.tree_util.keystr((part,), simple=True)
