// libxml2 as the system provides it; the safe face is the target SettingsFiles.
#include <libxml/xmlversion.h>
// Its headers would bring the system's ICU, which is not the one that Foundation has.
#undef LIBXML_ICU_ENABLED
#include <libxml/parser.h>
#include <libxml/xmlreader.h>
