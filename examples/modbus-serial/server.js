// A Modbus/TCP server of modbus-serial with a table of 256 places of each kind: `node server.js PORT`.
const { ServerTCP } = require('modbus-serial')

const coils = new Array(256).fill(false)
const registers = new Array(256).fill(0)

function within (address) {
  if (address >= 256) throw Object.assign(new Error('no such place'), { modbusErrorCode: 2 })
  return address
}

const vector = {
  getCoil: (address) => coils[within(address)],
  getDiscreteInput: (address) => coils[within(address)],
  getInputRegister: (address) => registers[within(address)],
  getHoldingRegister: (address) => registers[within(address)],
  setCoil: (address, value) => { coils[within(address)] = value },
  setRegister: (address, value) => { registers[within(address)] = value }
}

new ServerTCP(vector, { host: '127.0.0.1', port: Number(process.argv[2]) })
