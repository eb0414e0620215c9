#include <libxml/xmlversion.h>
// Some of libxml2's headers include those of ICU where it was built with it (Debian's is). Where they are installed, too,
// clang finds each of their types twice in a file that imports Foundation, which brings an ICU of its own, and refuses
// to compile it. Nothing here uses what they declare.
#undef LIBXML_ICU_ENABLED
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <libxml/SAX2.h>
#include <libxml/dict.h>
#include <libxml/encoding.h>
#include <libxml/xmlerror.h>
