// Node-RED's settings: the page on the bridge's port, all that is written in /var, nothing asked of the network.
module.exports = {
  uiHost: "127.0.0.1",
  uiPort: 8000,
  userDir: "/var",
  flowFile: "flows.json",
  credentialSecret: false,
  telemetry: { enabled: false, updateNotification: false },
  diagnostics: { enabled: true, ui: true },
  externalModules: { palette: { allowInstall: false }, modules: { allowInstall: false } },
  editorTheme: { tours: false, palette: { editable: false } },
  logging: { console: { level: "info", metrics: false, audit: false } },
};
