// Package cloud reads the files of buckets: s3://, gs://, and Azure's az://, abfs://, abfss:// and
// https://*.blob.core.windows.net. It knows where an object lies, who asks for it, and how the request
// is signed; the request itself goes through httpstore, as every other one.
//
// Whose credentials a request carries is decided here and nowhere else (access.go). Nothing is looked
// up before the first file of a bucket is read.
package cloud
