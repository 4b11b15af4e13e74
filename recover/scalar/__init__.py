"""The one-dimensional mathematics that families share: penalties, proximal maps, priors, state evolution."""
