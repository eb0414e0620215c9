/* What libxml2 alone takes for a document: its SAX2 push parser with handlers that do nothing.
 *
 *   sax bench ROUNDS FILE…      median in nanoseconds of each document, as the peers of compare.sh print theirs
 *   sax one FILE COUNT          COUNT times, for an instruction count
 */
#define _GNU_SOURCE
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static void start_element(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri, int namespaces,
                          const xmlChar **namespace, int attributes, int defaulted, const xmlChar **attribute) {
  (void)data, (void)name, (void)prefix, (void)uri, (void)namespaces, (void)namespace, (void)attributes,
      (void)defaulted, (void)attribute;
}
static void end_element(void *data, const xmlChar *name, const xmlChar *prefix, const xmlChar *uri) {
  (void)data, (void)name, (void)prefix, (void)uri;
}
static void text(void *data, const xmlChar *start, int length) { (void)data, (void)start, (void)length; }

/* With a context of its own for the document, as XMLReader.parseDocument has. */
static int parse(const char *bytes, int length) {
  xmlSAXHandler handler;
  memset(&handler, 0, sizeof handler);
  handler.initialized = XML_SAX2_MAGIC;
  handler.startElementNs = start_element;
  handler.endElementNs = end_element;
  handler.characters = text;
  handler.ignorableWhitespace = text;
  handler.cdataBlock = text;
  xmlParserCtxtPtr context = xmlCreatePushParserCtxt(&handler, NULL, NULL, 0, NULL);
  if (!context) return 0;
  xmlCtxtUseOptions(context, XML_PARSE_NOENT | XML_PARSE_NONET);
  xmlParseChunk(context, bytes, length, 1);
  int is_good = context->wellFormed;
  xmlFreeParserCtxt(context);
  return is_good;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

static int compare(const void *left, const void *right) {
  double a = *(const double *)left, b = *(const double *)right;
  return a < b ? -1 : a > b;
}

static char *read_file(const char *path, int *length) {
  FILE *file = fopen(path, "rb");
  if (!file) { perror(path); exit(1); }
  fseek(file, 0, SEEK_END);
  *length = (int)ftell(file);
  rewind(file);
  char *bytes = malloc(*length + 1);
  if (fread(bytes, 1, *length, file) != (size_t)*length) exit(1);
  fclose(file);
  return bytes;
}

int main(int count, char **arguments) {
  xmlInitParser();
  if (count == 4 && !strcmp(arguments[1], "one")) {
    int length, is_good = 1;
    char *bytes = read_file(arguments[2], &length);
    for (long number = atol(arguments[3]); number > 0; number--) is_good &= parse(bytes, length);
    return !is_good;
  }
  if (count < 4 || strcmp(arguments[1], "bench")) return 64;
  int rounds = atoi(arguments[2]);
  double *samples = malloc(rounds * sizeof *samples);
  for (int number = 3; number < count; number++) {
    int length;
    char *bytes = read_file(arguments[number], &length);
    if (!parse(bytes, length)) { fprintf(stderr, "%s: not well-formed\n", arguments[number]); return 1; }
    double begin = now();
    for (int turn = 0; turn < 20; turn++) parse(bytes, length);
    long batch = (long)(2e5 / ((now() - begin) / 20)) + 1;
    for (int round = 0; round < rounds; round++) {
      begin = now();
      for (long turn = 0; turn < batch; turn++) parse(bytes, length);
      samples[round] = (now() - begin) / batch;
    }
    qsort(samples, rounds, sizeof *samples, compare);
    printf("%s libxml2 parse %.0f ns\n", basename(arguments[number]), samples[rounds / 2]);
    free(bytes);
  }
  return 0;
}
