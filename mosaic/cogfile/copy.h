/* GDAL's copy of a dataset into a COG: godal has a call for it, but none that can be stopped. */
#ifndef CW_COGFILE_COPY_H
#define CW_COGFILE_COPY_H

typedef struct cw_cog_copy {
  int stop;          /* set by another thread */
  char message[512]; /* the first failure, as GDAL tells it */
} cw_cog_copy;

/* Adds a band of bytes to a GDALDatasetH of the driver MEM, row-major, whose memory stays the caller's. Returns 0, or 1 where
   it failed. */
int cw_cog_add_bytes(void *dataset, void *pixels);

/* Copies a GDALDatasetH into a COG; GDAL's temporary files go to folder. Returns 0, or 1 where it failed. */
int cw_cog_write(cw_cog_copy *job, void *dataset, const char *path, char **options, const char *folder);
void cw_cog_stop(cw_cog_copy *job);

#endif
