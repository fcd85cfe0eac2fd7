#include "variants/scalar.h"

#include "variants/variant.inc.h"
