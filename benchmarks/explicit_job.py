"""The explicit-training baseline as a job: what an epoch and a log point cost."""

from typing import Any


class Explicit:
    """A job whose facts are costs, counts and the error against the closed form.

    `eigenvalues` are the smallest and the largest of the training covariance.
    """

    def __init__(self, arrays: str, eigenvalues: tuple[float, float], library: str, seed: int = 0):
        from benchmarks.peers import explicit_training as explicit
        from benchmarks.problems import read_arrays

        point = read_arrays(arrays)[0]
        counts = explicit.Counts.of(*eigenvalues)
        kind = {"numpy": explicit.NumpyTraining, "torch": explicit.TorchTraining}[library]
        self.facts: dict[str, Any] = {
            "cost": explicit.cost(kind(point, counts.step, seed), counts),
            "counts": counts.__dict__,
            "check": explicit.compare(kind(point, counts.step, seed), counts.step),
        }

    def run(self) -> None:
        """All was measured when the job was made."""

    def answer(self, result: None) -> dict:
        """Nothing."""
        return {}
