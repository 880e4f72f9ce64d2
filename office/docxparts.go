package office

// The parts of a .docx that are always the same.
const (
	xmlHead   = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	mainSpace = `xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"`
	linkType  = `http://schemas.openxmlformats.org/officeDocument/2006/relationships`
	linkSpace = `xmlns="http://schemas.openxmlformats.org/package/2006/relationships"`
	partType  = `application/vnd.openxmlformats-officedocument.wordprocessingml.`

	contentTypes = xmlHead + `<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">` +
		`<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>` +
		`<Default Extension="xml" ContentType="application/xml"/><Default Extension="png" ContentType="image/png"/>` +
		`<Override PartName="/word/document.xml" ContentType="` + partType + `document.main+xml"/>` +
		`<Override PartName="/word/styles.xml" ContentType="` + partType + `styles+xml"/>` +
		`<Override PartName="/word/footer1.xml" ContentType="` + partType + `footer+xml"/></Types>`

	packageLinks = xmlHead + `<Relationships ` + linkSpace + `>` +
		`<Relationship Id="rId1" Type="` + linkType + `/officeDocument" Target="word/document.xml"/></Relationships>`

	documentLinks = xmlHead + `<Relationships ` + linkSpace + `>` +
		`<Relationship Id="styles" Type="` + linkType + `/styles" Target="styles.xml"/>` +
		`<Relationship Id="footer" Type="` + linkType + `/footer" Target="footer1.xml"/>%s</Relationships>`

	documentHead = xmlHead + `<w:document ` + mainSpace + ` xmlns:r="` + linkType + `"` +
		` xmlns:wp="http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing"` +
		` xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"` +
		` xmlns:pic="http://schemas.openxmlformats.org/drawingml/2006/picture"><w:body>`

	documentTail = `<w:sectPr><w:footerReference w:type="default" r:id="footer"/><w:pgSz w:w="11906" w:h="16838"/>` +
		`<w:pgMar w:top="2098" w:right="1474"` +
		` w:bottom="1984" w:left="1588" w:header="851" w:footer="1417" w:gutter="0"/>` +
		`</w:sectPr></w:body></w:document>`

	// footerXML is the page number as official documents have it.
	footerXML = xmlHead + `<w:ftr ` + mainSpace + `><w:p><w:pPr><w:pStyle w:val="Footer"/></w:pPr>` +
		`<w:r><w:t xml:space="preserve">— </w:t></w:r>` +
		`<w:fldSimple w:instr=" PAGE "><w:r><w:t>1</w:t></w:r></w:fldSimple>` +
		`<w:r><w:t xml:space="preserve"> —</w:t></w:r></w:p></w:ftr>`

	stylesHead = xmlHead + `<w:styles ` + mainSpace + `><w:docDefaults><w:rPrDefault><w:rPr>` +
		`<w:rFonts w:ascii="Times New Roman" w:hAnsi="Times New Roman" w:cs="Times New Roman" w:eastAsia="宋体"/>` +
		`<w:sz w:val="24"/><w:szCs w:val="24"/><w:lang w:val="en-US" w:eastAsia="zh-CN" w:bidi="ar-SA"/>` +
		`</w:rPr></w:rPrDefault><w:pPrDefault/></w:docDefaults>` +
		`<w:style w:type="paragraph" w:default="1" w:styleId="Normal"><w:name w:val="Normal"/><w:qFormat/></w:style>` +
		`<w:style w:type="table" w:default="1" w:styleId="TableNormal"><w:name w:val="Normal Table"/>` +
		`<w:tblPr><w:tblCellMar>` +
		`<w:left w:w="85" w:type="dxa"/><w:right w:w="85" w:type="dxa"/></w:tblCellMar></w:tblPr></w:style>`

	stylesTail = `<w:style w:type="table" w:styleId="TableGrid"><w:name w:val="Table Grid"/>` +
		`<w:basedOn w:val="TableNormal"/>` +
		`<w:tblPr><w:tblBorders><w:top w:val="single" w:sz="4" w:space="0" w:color="auto"/>` +
		`<w:left w:val="single" w:sz="4" w:space="0" w:color="auto"/>` +
		`<w:bottom w:val="single" w:sz="4" w:space="0" w:color="auto"/>` +
		`<w:right w:val="single" w:sz="4" w:space="0" w:color="auto"/>` +
		`<w:insideH w:val="single" w:sz="4" w:space="0" w:color="auto"/>` +
		`<w:insideV w:val="single" w:sz="4" w:space="0" w:color="auto"/></w:tblBorders></w:tblPr></w:style></w:styles>`

	// pictureXML takes the width and the height in EMU, and the number of the picture.
	pictureXML = `<w:p><w:pPr><w:pStyle w:val="Picture"/></w:pPr><w:r><w:drawing>` +
		`<wp:inline distT="0" distB="0" distL="0" distR="0">` +
		`<wp:extent cx="%[1]d" cy="%[2]d"/><wp:docPr id="%[3]d" name="图 %[3]d"/>` +
		`<a:graphic><a:graphicData uri="http://schemas.openxmlformats.org/drawingml/2006/picture"><pic:pic>` +
		`<pic:nvPicPr><pic:cNvPr id="%[3]d" name="图 %[3]d"/><pic:cNvPicPr/></pic:nvPicPr>` +
		`<pic:blipFill><a:blip r:embed="pic%[3]d"/><a:stretch><a:fillRect/></a:stretch></pic:blipFill>` +
		`<pic:spPr><a:xfrm><a:off x="0" y="0"/><a:ext cx="%[1]d" cy="%[2]d"/></a:xfrm>` +
		`<a:prstGeom prst="rect"><a:avLst/></a:prstGeom></pic:spPr>` +
		`</pic:pic></a:graphicData></a:graphic></wp:inline></w:drawing></w:r></w:p>`
)
