// An HL7 server of simple-hl7, as its README has it, on a port: `node server.js PORT`.
const hl7 = require('simple-hl7')

const app = hl7.tcp()
app.use((req, res, next) => res.end())
app.use((err, req, res, next) => {
  res.ack.getSegment('MSA').setField(1, 'AR')
  res.end()
})
app.start(Number(process.argv[2]))
