// libxml2 as the system provides it; the safe face is the target SettingsFiles.
#include <libxml/xmlversion.h>
// Where libxml2 was built with ICU its headers bring ICU's types, which Foundation brings under the same names. Nothing
// here uses what they are for.
#undef LIBXML_ICU_ENABLED
#include <libxml/parser.h>
#include <libxml/xmlreader.h>
