#include "amino.h"

typedef struct {
  int64_t moves;
} bank;

AMINO_MICROSERVICE(bank, "Moves money between wallets.", "TwoPhaseCommit")

AMINO_METHOD(bank, move, (string from, string to, s64 amount), s64,
             "Moves amount from one wallet to another, wholly or not at all, and returns how many moves were made.") {
  amino_call(to, "deposit", amount);
  amino_call(from, "withdraw", amount); // an error of either is this method's, and undoes both
  return ++self->moves;
}

AMINO_READONLY(bank, total, (strings wallets), s64, "Returns what wallets hold together, at one moment.") {
  int64_t sum = 0;
  for (size_t i = 0; i < wallets.len; i++) sum += amino_to_s64(amino_call(wallets.items[i], "balance"));
  return sum;
}

AMINO_READONLY(bank, moves, (), s64, "Returns how many moves were made.") { return self->moves; }
