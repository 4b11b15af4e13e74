"""Linear bandits: actions with features, rewards that are linear in them up to a misspecification."""
