// RRHF: loss of answer i = w sum over better answers j of max(0, s_i - s_j), minus logp if it is the best; s = logp / length^lambda.
// d (loss of the group) / d (each token's log-probability) = w (violations as worse - as better) / length^lambda, - 1 if it is the best

struct Hyperparameters {
  rank_weight: f32,
  length_penalty: f32,
}

fn answer_loss(first: u32, index: u32, h: Hyperparameters) -> AnswerLoss {
  let mine = rows[first + index];
  let share = 1.0 / pow(mine.length, h.length_penalty);
  var loss = 0.0;
  var violations = 0.0;
  var is_best = true;
  for (var j = 0u; j < params.group_size; j++) {
    let other = rows[first + j];
    let excess = mine.logp * share - other.logp / pow(other.length, h.length_penalty);
    if (mine.signal < other.signal && excess > 0.0) {
      loss += h.rank_weight * excess;
      violations += 1.0;
    }
    if (other.signal < mine.signal && excess < 0.0) {
      violations -= 1.0;
    }
    // The first of equals is the best.
    is_best = is_best && (other.signal < mine.signal || (other.signal == mine.signal && index <= j));
  }
  return AnswerLoss(
    loss - select(0.0, mine.logp, is_best),
    h.rank_weight * violations * share - select(0.0, 1.0, is_best),
  );
}
