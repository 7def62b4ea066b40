// Makes the manifest of ABI.md.

/** Returns the manifest of a microservice that findMicroservice found. */
export function manifest(service) {
  const params = (list) => (list.length ? { params: list.map((p) => ({ name: p.name, type: p.wit })) } : {});
  const maker = { ...text("doc", service.maker.doc), ...params(service.maker.params) };
  return {
    abi: 1,
    name: service.name,
    ...text("doc", service.doc),
    language: "assemblyscript",
    ...(Object.keys(maker).length ? { constructor: maker } : {}),
    methods: service.methods.map((m) => ({
      name: m.name,
      ...text("doc", m.doc),
      ...params(m.params),
      ...text("result", m.wit),
      ...(m.readonly ? { readonly: true } : {}),
    })),
    ...(service.dms.length ? { dms: service.dms } : {}),
  };
}

function text(key, value) {
  return value ? { [key]: value } : {};
}
