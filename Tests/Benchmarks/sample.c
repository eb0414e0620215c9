/* The C peers in batches of 200 us, as codec-benchmarks times ours: with longer ones, as `peers bench` has them, a busy
 * machine interrupts each. Prints for every file and operation the median in nanoseconds. Linked with the peers' objects.
 *
 *   sample ROUNDS sofia|all FILE…
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

static void sample(int peer, int operation, const char *path, const char *bytes, size_t length, double *samples,
                   int rounds) {
  if (!peer_run(peer, operation, bytes, length, 2)) return;
  double begin = now();
  peer_run(peer, operation, bytes, length, 5);
  size_t batch = (size_t)(2e5 / ((now() - begin) / 5)) + 1;
  for (int round = 0; round < rounds; round++) {
    begin = now();
    peer_run(peer, operation, bytes, length, batch);
    samples[round] = (now() - begin) / batch;
  }
  qsort(samples, rounds, sizeof *samples, compare);
  printf("%s %s %s %.0f ns\n", basename(path), peer_name(peer), op_name(operation), samples[rounds / 2]);
}

int main(int count, char **arguments) {
  if (count < 4) return 64;
  peer_init();
  int rounds = atoi(arguments[1]), is_sofia_only = !strcmp(arguments[2], "sofia");
  double *samples = malloc(rounds * sizeof *samples);
  for (int number = 3; number < count; number++) {
    FILE *file = fopen(arguments[number], "rb");
    if (!file) { perror(arguments[number]); return 1; }
    fseek(file, 0, SEEK_END);
    size_t length = ftell(file);
    rewind(file);
    char *bytes = malloc(length + 1);
    if (fread(bytes, 1, length, file) != length) return 1;
    fclose(file);
    bytes[length] = 0;
    const char *suffix = strrchr(arguments[number], '.');
    int is_sdp = suffix && !strcmp(suffix, ".sdp");
    for (int peer = PEER_OSIP; peer <= PEER_BELLE; peer++) {
      if (is_sofia_only && peer != PEER_SOFIA) continue;
      sample(peer, is_sdp ? OP_SDP : OP_TOUCH, arguments[number], bytes, length, samples, rounds);
      sample(peer, is_sdp ? OP_SDP_SER : OP_SERIALIZE, arguments[number], bytes, length, samples, rounds);
    }
    free(bytes);
  }
  return 0;
}
