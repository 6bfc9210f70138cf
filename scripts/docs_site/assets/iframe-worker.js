// Browsers refuse a Worker in pages that are opened as files. The theme's search then accepts a
// class of this name, which runs the same script in a hidden frame.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(address) {
      super()
      this.waiting = []
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      document.body.appendChild(this.frame)
      const inner = this.frame.contentWindow
      inner.document.open()
      inner.document.write("<!doctype html><script src=\"" + address + "\"></scr" + "ipt>")
      inner.document.close()
      // The script calls postMessage of its own window for an answer.
      inner.postMessage = data => this.dispatchEvent(new MessageEvent("message", { data }))
      inner.IFrameWorker = window.IFrameWorker
      inner.importScripts = (...scripts) => scripts.reduce(
        (last, one) => last.then(() => new Promise(resolve => {
          const script = inner.document.createElement("script")
          script.src = one
          script.onload = script.onerror = resolve
          inner.document.body.appendChild(script)
        })), Promise.resolve())
      this.frame.addEventListener("load", () => {
        this.ready = true
        this.waiting.splice(0).forEach(data => this.deliver(data))
      })
    }
    deliver(data) {
      this.frame.contentWindow.dispatchEvent(new MessageEvent("message", { data }))
    }
    postMessage(data) {
      if (this.ready) this.deliver(data)
      else this.waiting.push(data)
    }
    terminate() { this.frame.remove() }
  }
  window.Worker = window.IFrameWorker
}
