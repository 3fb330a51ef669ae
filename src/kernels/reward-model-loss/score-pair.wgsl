// Two scores as every reward-model loss sees them, and what a loss makes of them.

struct ScorePair {
  chosen: f32,
  rejected: f32,
  margin: f32,    // by how much the chosen answer was called better
}

struct ScoreLoss {
  loss: f32,
  chosen: f32,    // d loss / d (score of the chosen answer)
  rejected: f32,
}
