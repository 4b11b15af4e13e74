"""Sparse linear regression under local differential privacy (Zhu, Ding, Aggarwal, Xu and Wang 2024)."""

import numpy as np

from recover import models, solvers, theory
from recover.core import with_capacities

from .fields import Count, Counts, Positive, ProperFraction
from .figure import Axis, NamedAxis, SweepFigure
from .summaries import summarise, tidied

RATES = {"one_shot": "one-shot", "public": "public covariance", "interactive": "interactive"}


class MomentFigure(SweepFigure):
    """Protocols on averages of users. All figures have room for the same dimension, and share two programs."""

    delta: ProperFraction = 1e-5
    noise: Positive = 0.5
    room: Count

    def model(self, dimension, users, sparsity) -> models.PlantedMoments:
        """The model, padded."""
        return with_capacities(models.PlantedMoments(dimension, users, sparsity, self.noise), {"dimension": self.room})

    def solver(self, protocol: str, epsilon: float, sparsity: int):
        """A protocol by name; the number of users is traced, and so are privacy and sparsity."""
        if protocol == "interactive":
            return solvers.PrivateIHT(epsilon, 2 * sparsity)
        options = {"delta": self.delta, "calibration": "classical", "release": "both"}
        if protocol == "public":
            # The reference spends half of the budget where the whole could be spent; its numbers are compared with.
            epsilon, options = epsilon / 2, {**options, "delta": self.delta / 2, "release": "correlation"}
        elif protocol != "one_shot":
            options["release"] = protocol
        return solvers.PrivateThresholding(epsilon, **options)


def errors(swept, *by: str):
    """Medians of errors, with what was found."""
    return {"errors": summarise(swept, [*by, "solver"], error="median", found="mean", false="mean")}


class Users(MomentFigure):
    """Error and support against the number of users, a real number of up to 1e13."""

    dimension: Count
    sparsity: Count
    epsilon: Positive
    users: Axis[Positive]

    def cell(self, users):
        names = (*RATES, "responses", "nothing private")
        tried = {name: self.solver(name, self.epsilon, self.sparsity) for name in names}
        return self.model(self.dimension, users, self.sparsity), tried

    def tables(self, swept):
        rows = swept.frame
        private = rows[rows["solver"] == "one_shot"]
        return {**errors(swept, "users"), "indefinite": summarise(private, ["users"], indefinite="rate")}

    def predictions(self):
        at = np.asarray(self.users)
        limit = np.sqrt(np.asarray(theory.minimax_error(at, self.dimension, self.sparsity, self.noise)))
        lower = np.asarray(
            theory.local_privacy_rate(at, self.dimension, self.sparsity, self.epsilon, "interactive lower bound")
        )
        return {"theory": tidied({"not_private": limit, "lower": lower}, users=at)}


class Dimension(MomentFigure):
    """Error against the dimension."""

    sparsity: Count
    epsilon: Positive
    protocol: NamedAxis[Positive]
    dimension: Axis[Count]

    def cell(self, protocol, dimension):
        own = self.solver(protocol, self.epsilon, self.sparsity)
        return self.model(dimension, self.protocol[protocol], self.sparsity), {protocol: own}

    def tables(self, swept):
        return errors(swept, "dimension")


class Sparsity(MomentFigure):
    """Error against the number of nonzero coefficients."""

    dimension: Count
    epsilon: Positive
    protocol: NamedAxis[Positive]
    sparsity: Axis[Count]

    def cell(self, protocol, sparsity):
        own = self.solver(protocol, self.epsilon, sparsity)
        return self.model(self.dimension, self.protocol[protocol], sparsity), {protocol: own}

    def tables(self, swept):
        return errors(swept, "sparsity")


class Budget(MomentFigure):
    """Error against the budget of privacy."""

    dimension: Count
    sparsity: Count
    protocol: NamedAxis[Positive]
    epsilon: Axis[Positive]

    def cell(self, protocol, epsilon):
        own = self.solver(protocol, epsilon, self.sparsity)
        return self.model(self.dimension, self.protocol[protocol], self.sparsity), {protocol: own}

    def tables(self, swept):
        return errors(swept, "epsilon")


class UserFigure(SweepFigure):
    """The interactive protocol with every message drawn; rows are padded to `room` users."""

    dimension: Count
    epsilon: Positive
    noise: Positive = 0.5
    users: Axis[Count]
    room: Count

    def model(self, users, sparsity, truncation) -> models.PlantedUsers:
        """The model, padded."""
        model = models.PlantedUsers(self.dimension, users, sparsity, self.noise, truncation)
        return with_capacities(model, {"samples": self.room})


class Truncation(UserFigure):
    """Error against the level of clipping."""

    sparsity: Count
    kept: Count
    truncation: Axis[Positive]

    def cell(self, users, truncation):
        return self.model(users, self.sparsity, truncation), solvers.PrivateIHT(self.epsilon, self.kept)

    def tables(self, swept):
        return {"errors": summarise(swept, ["users", "truncation"], error="median")}


class HeadToHead(UserFigure):
    """Hard and soft thresholding with the same level of clipping."""

    truncation: Positive
    factors: Counts
    sparsity: Axis[Count]

    def cell(self, users, sparsity):
        tried = {
            f"hard, {factor} k": solvers.PrivateIHT(self.epsilon, min(factor * sparsity, self.dimension))
            for factor in self.factors
        }
        tried["soft"] = solvers.PrivateIHT(self.epsilon, sparsity, thresholding="soft")
        return self.model(users, sparsity, self.truncation), tried

    def tables(self, swept):
        return {"errors": summarise(swept, ["users", "sparsity", "solver"], error="median")}
