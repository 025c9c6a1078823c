// Ends the definitions of each_type.h.
#undef T
#undef BYTES
#undef TAG
#undef WORK
#undef WORK_TAG
#undef KEY
#undef KEY_MAX
#undef LOW
#undef HIGH
#undef TOP
#undef IS_FLOAT
#undef SMALL
#undef WIDE
