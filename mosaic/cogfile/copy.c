#include "copy.h"

#include <cpl_conv.h>
#include <cpl_error.h>
#include <cpl_string.h>
#include <gdal.h>
#include <string.h>

static int CPL_STDCALL go_on(double done, const char *message, void *job) {
  (void)done;
  (void)message;
  return !__atomic_load_n(&((cw_cog_copy *)job)->stop, __ATOMIC_RELAXED);
}

/* Warnings pass: of some combinations GDAL remarks that others might be smaller. */
static void CPL_STDCALL listen(CPLErr kind, CPLErrorNum number, const char *message) {
  cw_cog_copy *job = CPLGetErrorHandlerUserData();
  (void)number;
  if (kind >= CE_Failure && job->message[0] == 0) strncpy(job->message, message, sizeof job->message - 1);
}

int cw_cog_add_bytes(void *dataset, void *pixels) {
  char address[64] = "";
  CPLPrintPointer(address, pixels, sizeof address - 1);
  char **options = CSLSetNameValue(NULL, "DATAPOINTER", address);
  CPLErr failed = GDALAddBand(dataset, GDT_Byte, options);
  CSLDestroy(options);
  return failed != CE_None;
}

int cw_cog_write(cw_cog_copy *job, void *dataset, const char *path, char **options, const char *folder) {
  CPLPushErrorHandlerEx(listen, job);
  CPLSetThreadLocalConfigOption("CPL_TMPDIR", folder);
  CPLSetThreadLocalConfigOption("GDAL_PAM_ENABLED", "NO"); /* no side-car file */
  GDALDatasetH written = GDALCreateCopy(GDALGetDriverByName("COG"), path, dataset, 0, options, go_on, job);
  if (written) GDALClose(written);
  CPLSetThreadLocalConfigOption("GDAL_PAM_ENABLED", NULL);
  CPLSetThreadLocalConfigOption("CPL_TMPDIR", NULL);
  CPLPopErrorHandler();
  return !written || job->message[0] != 0;
}

void cw_cog_stop(cw_cog_copy *job) { __atomic_store_n(&job->stop, 1, __ATOMIC_RELAXED); }
