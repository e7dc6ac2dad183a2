"""Training: value_and_grad and an optax update in one compiled function; the old weights
and optimizer state give their memory to the new.

Noise is drawn inside the step from a key that is split there, so a step is a pure function
of what it is given.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from backends.base import Arrays, Feeds, Settings, Trainer
from backends.jax.program import JaxProgram
from models.errors import BadInput
from models.graph import Graph
from models.optim import Optimizer

Values = dict[str, jax.Array]


def native_optimizer(o: Optimizer) -> Any:
    """optax's version of the rule; the learning rate lies in the state, so that it can
    change without compiling again.
    """

    def rule(learning_rate: Any) -> Any:
        decay, descend = (
            optax.add_decayed_weights(o.weight_decay),
            optax.scale_by_learning_rate(learning_rate),
        )
        match o.rule:
            case "sgd":
                return optax.chain(decay, optax.sgd(learning_rate, o.momentum))
            # optax puts epsilon under the root and decays by 0.9 unless told
            case "rmsprop":
                return optax.chain(
                    decay, optax.rmsprop(learning_rate, o.alpha, o.eps, eps_in_sqrt=False)
                )
            case "adam":
                return optax.chain(decay, scale_by_adam(o), descend)
        return optax.chain(scale_by_adam(o), decay, descend)  # adamw

    return optax.inject_hyperparams(rule)(learning_rate=o.lr)


def scale_by_adam(o: Optimizer) -> optax.GradientTransformation:
    """optax.scale_by_adam with exact bias corrections.

    optax takes 1 - beta**t in float32, where 1 - 0.999 is off by 1.3e-5 of itself: its
    early steps are up to 1.3e-5 of themselves too long.
    """
    native = optax.scale_by_adam(o.beta1, o.beta2, o.eps)

    def update(grads: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        # its own result is dropped by the compiler
        _, moments = native.update(grads, state, params)
        first, second = (
            -jnp.expm1(moments.count * math.log(beta)) for beta in (o.beta1, o.beta2)
        )
        return (
            jax.tree.map(
                lambda m, v: m / first / (jnp.sqrt(v / second) + o.eps),
                moments.mu,
                moments.nu,
            ),
            moments,
        )

    return optax.GradientTransformation(native.init, update)


class JaxTrainer(Trainer):
    """One compiled step; the program holds weights, state and key, the trainer optax's
    state.
    """

    def __init__(self, graph: Graph, optimizer: Optimizer, settings: Settings) -> None:
        self.program: JaxProgram = JaxProgram(graph, settings)
        self.optimizer = native_optimizer(optimizer)
        self._trained = graph.trainable()
        self._slots = jax.device_put(
            self.optimizer.init(self._weights(self.program.values)), self.program.device
        )
        self._gradients = self.program.compiled(self._loss_and_grads)
        self._update = self.program.compiled(self._updated, donate=(0, 1))
        self._step = self.program.compiled(self._stepped, donate=(0, 1, 2))
        self.set_lr(optimizer.lr)

    def gradients(self, feeds: Feeds) -> tuple[float, dict[str, np.ndarray]]:
        """Loss and gradients; running statistics move."""
        program = self.program
        (loss, state), grads = self._gradients(program.values, feeds, program.next_key())
        program.values |= state
        return float(loss), {name: np.array(grad) for name, grad in grads.items()}

    def apply(self, grads: Arrays) -> None:
        """The update alone."""
        program = self.program
        native = {
            name: jax.device_put(np.array(grads[name], np.float32), program.device)
            for name in self._trained
        }
        program.values, self._slots = self._update(program.values, self._slots, native)

    def step(self, feeds: Feeds) -> Any:
        """One compiled step; the arrays it was given are gone after it."""
        program = self.program
        loss, program.values, self._slots, program.key = self._step(
            program.values, self._slots, program.key, feeds
        )
        return loss

    def set_lr(self, lr: float) -> None:
        """Learning rate of the steps to come."""
        self._slots = self._slots._replace(
            hyperparams={
                "learning_rate": jax.device_put(np.float32(lr), self.program.device)
            }
        )

    def state(self) -> dict[str, np.ndarray]:
        """optax's state by its path (`inner_state/0/mu/NAME`), and the key that noise is
        drawn from.
        """
        paths, _ = jax.tree_util.tree_flatten_with_path(self._slots)
        return {_name(path): np.array(leaf) for path, leaf in paths} | {
            "key": np.array(jax.random.key_data(self.program.key))
        }

    def load_state(self, state: Arrays) -> None:
        """Take what `state` gave.

        Raises BadInput where it is the state of another optimizer.
        """
        paths, tree = jax.tree_util.tree_flatten_with_path(self._slots)
        names = [_name(path) for path, _ in paths]
        if missing := sorted({*names, "key"} ^ state.keys()):
            raise BadInput(
                f"the optimizer's state does not fit, {len(missing)} differences:"
                f" {', '.join(missing[:5])}"
            )
        leaves = [
            jax.device_put(np.array(state[name]), self.program.device) for name in names
        ]
        self._slots = jax.tree_util.tree_unflatten(tree, leaves)
        self.program.key = jax.device_put(
            jax.random.wrap_key_data(jnp.asarray(state["key"])), self.program.device
        )

    def _weights(self, values: Values) -> Values:
        return {name: values[name] for name in self._trained}

    def _loss_and_grads(
        self, values: Values, feeds: Feeds, key: Any
    ) -> tuple[tuple[jax.Array, Values], Values]:
        def loss(weights: Values) -> tuple[jax.Array, Values]:
            outputs, state = self.program.native({**values, **weights}, feeds, key)
            return outputs["loss"].astype(jnp.float32), state

        return jax.value_and_grad(loss, has_aux=True)(self._weights(values))

    def _updated(self, values: Values, slots: Any, grads: Values) -> tuple[Values, Any]:
        weights = self._weights(values)
        updates, slots = self.optimizer.update(grads, slots, weights)
        return {**values, **optax.apply_updates(weights, updates)}, slots

    def _stepped(
        self, values: Values, slots: Any, key: jax.Array, feeds: Feeds
    ) -> tuple[jax.Array, Values, Any, jax.Array]:
        key, own = jax.random.split(key)
        (loss, state), grads = self._loss_and_grads(values, feeds, own)
        values, slots = self._updated(values, slots, grads)
        return loss, {**values, **state}, slots, key


def _name(path: Any) -> str:
    return jax.tree_util.keystr(path, simple=True, separator="/")
