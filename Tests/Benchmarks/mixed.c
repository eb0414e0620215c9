/* sofia-sip on many messages, briefly each: for every file the median in nanoseconds, as the peers of compare.sh, whose
 * objects this is linked with, print theirs.
 *
 *   mixed ROUNDS FILE…
 */
#define _GNU_SOURCE
#include "peers.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static int compare(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return a < b ? -1 : a > b;
}

int main(int count, char **arguments) {
  if (count < 3) return 64;
  peer_init();
  int rounds = atoi(arguments[1]);
  double *samples = malloc(rounds * sizeof *samples);
  const int operations[] = {OP_TOUCH, OP_SERIALIZE};
  for (int number = 2; number < count; number++) {
    FILE *file = fopen(arguments[number], "rb");
    if (!file) { perror(arguments[number]); return 1; }
    fseek(file, 0, SEEK_END);
    size_t length = ftell(file);
    rewind(file);
    char *bytes = malloc(length + 1);
    if (fread(bytes, 1, length, file) != length) return 1;
    fclose(file);
    bytes[length] = 0;
    for (int place = 0; place < 2; place++) {
      int operation = operations[place];
      if (!peer_run(PEER_SOFIA, operation, bytes, length, 10)) {
        fprintf(stderr, "%s: sofia-sip does not take it\n", arguments[number]);
        return 1;
      }
      double begin = now();
      peer_run(PEER_SOFIA, operation, bytes, length, 20);
      size_t batch = (size_t)(2e5 / ((now() - begin) / 20)) + 1;
      for (int round = 0; round < rounds; round++) {
        begin = now();
        peer_run(PEER_SOFIA, operation, bytes, length, batch);
        samples[round] = (now() - begin) / batch;
      }
      qsort(samples, rounds, sizeof *samples, compare);
      printf("%s sofia %s %.0f ns\n", basename(arguments[number]), op_name(operation), samples[rounds / 2]);
    }
    free(bytes);
  }
  return 0;
}
