package cog

import "fmt"

// The tags that a header is made of, by their names in TIFF 6.0, GeoTIFF and GDAL.
const (
	tagNewSubfileType   = 254
	tagSubfileType      = 255
	tagImageWidth       = 256
	tagImageLength      = 257
	tagBitsPerSample    = 258
	tagCompression      = 259
	tagPhotometric      = 262
	tagFillOrder        = 266
	tagStripOffsets     = 273
	tagSamplesPerPixel  = 277
	tagRowsPerStrip     = 278
	tagStripByteCounts  = 279
	tagPlanarConfig     = 284
	tagT4Options        = 292
	tagT6Options        = 293
	tagPredictor        = 317
	tagColorMap         = 320
	tagTileWidth        = 322
	tagTileLength       = 323
	tagTileOffsets      = 324
	tagTileByteCounts   = 325
	tagSubIFDs          = 330
	tagInkSet           = 332
	tagExtraSamples     = 338
	tagSampleFormat     = 339
	tagJPEGTables       = 347
	tagYCbCrCoefficient = 529
	tagYCbCrSubSampling = 530
	tagYCbCrPositioning = 531
	tagReferenceBW      = 532
	tagPixelScale       = 33550
	tagTiepoint         = 33922
	tagTransformation   = 34264
	tagGeoKeys          = 34735
	tagGeoDoubles       = 34736
	tagGeoASCII         = 34737
	tagGDALMetadata     = 42112
	tagGDALNoData       = 42113
	tagLERCParameters   = 50674
	tagRPC              = 50844
)

// use tells what a tag's values are needed for, which decides whether they are fetched.
type use uint8

const (
	inImage  use = 1 << iota // describes the pixels of one image
	inTiles                  // the tile or strip arrays: as long as the image has tiles
	inMain                   // describes the whole raster, read from the first directory only
	inRaw                    // needed by a foreign decoder: kept in Level.Raw
	optional                 // unusable values cost a warning, not the file
)

type tagInfo struct {
	name string
	use  use
}

// knownTags lists every tag whose values are read; the others are stepped over.
var knownTags = map[uint16]tagInfo{
	tagNewSubfileType:   {"NewSubfileType", inImage},
	tagSubfileType:      {"SubfileType", inImage},
	tagImageWidth:       {"ImageWidth", inImage},
	tagImageLength:      {"ImageLength", inImage},
	tagBitsPerSample:    {"BitsPerSample", inImage | inRaw},
	tagCompression:      {"Compression", inImage | inRaw},
	tagPhotometric:      {"PhotometricInterpretation", inImage | inRaw},
	tagFillOrder:        {"FillOrder", inImage | inRaw},
	tagStripOffsets:     {"StripOffsets", inTiles},
	tagSamplesPerPixel:  {"SamplesPerPixel", inImage | inRaw},
	tagRowsPerStrip:     {"RowsPerStrip", inImage},
	tagStripByteCounts:  {"StripByteCounts", inTiles},
	tagPlanarConfig:     {"PlanarConfiguration", inImage | inRaw},
	tagT4Options:        {"T4Options", inImage | inRaw},
	tagT6Options:        {"T6Options", inImage | inRaw},
	tagPredictor:        {"Predictor", inImage | inRaw},
	tagColorMap:         {"ColorMap", inImage | inRaw},
	tagTileWidth:        {"TileWidth", inImage},
	tagTileLength:       {"TileLength", inImage},
	tagTileOffsets:      {"TileOffsets", inTiles},
	tagTileByteCounts:   {"TileByteCounts", inTiles},
	tagSubIFDs:          {"SubIFDs", 0},
	tagInkSet:           {"InkSet", inImage | inRaw},
	tagExtraSamples:     {"ExtraSamples", inImage | inRaw},
	tagSampleFormat:     {"SampleFormat", inImage | inRaw},
	tagJPEGTables:       {"JPEGTables", inImage | inRaw},
	tagYCbCrCoefficient: {"YCbCrCoefficients", inImage | inRaw},
	tagYCbCrSubSampling: {"YCbCrSubSampling", inImage | inRaw},
	tagYCbCrPositioning: {"YCbCrPositioning", inImage | inRaw},
	tagReferenceBW:      {"ReferenceBlackWhite", inImage | inRaw},
	tagPixelScale:       {"ModelPixelScale", inMain},
	tagTiepoint:         {"ModelTiepoint", inMain},
	tagTransformation:   {"ModelTransformation", inMain},
	tagGeoKeys:          {"GeoKeyDirectory", inMain},
	tagGeoDoubles:       {"GeoDoubleParams", inMain},
	tagGeoASCII:         {"GeoAsciiParams", inMain},
	tagGDALMetadata:     {"GDAL_METADATA", inMain | optional},
	tagGDALNoData:       {"GDAL_NODATA", inMain | optional},
	tagLERCParameters:   {"LERCParameters", inImage | inRaw},
	tagRPC:              {"RPCCoefficient", 0},
}

// tagName writes a tag for an error message, such as "TileOffsets (324)".
func tagName(tag uint16) string {
	if info, ok := knownTags[tag]; ok {
		return fmt.Sprintf("%s (%d)", info.name, tag)
	}
	return fmt.Sprintf("tag %d", tag)
}

// The value types of TIFF 6.0 and BigTIFF.
const (
	typeByte   = 1
	typeASCII  = 2
	typeShort  = 3
	typeLong   = 4
	typeSByte  = 6
	typeUndef  = 7
	typeSShort = 8
	typeSLong  = 9
	typeFloat  = 11
	typeDouble = 12
	typeIFD    = 13
	typeLong8  = 16
	typeSLong8 = 17
	typeIFD8   = 18
)

// typeSizes gives the bytes of one value of each type; 0 for a number that is not a type.
var typeSizes = [...]uint8{
	typeByte: 1, typeASCII: 1, typeShort: 2, typeLong: 4, 5: 8, typeSByte: 1, typeUndef: 1,
	typeSShort: 2, typeSLong: 4, 10: 8, typeFloat: 4, typeDouble: 8, typeIFD: 4,
	typeLong8: 8, typeSLong8: 8, typeIFD8: 8,
}

func typeSize(kind uint16) uint64 {
	if int(kind) >= len(typeSizes) {
		return 0
	}
	return uint64(typeSizes[kind])
}
