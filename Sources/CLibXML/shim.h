// libxml2 as the system provides it; the safe face is the target SettingsFiles.
#include <libxml/parser.h>
#include <libxml/xmlreader.h>
