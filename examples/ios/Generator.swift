// Draws from an exported model on iOS.
//
// Podfile:  pod 'TensorFlowLiteSwift', '~> 2.17.0'
// In the app's bundle: model_dynamic.tflite and manifest.json of a version (DIR/N/)

import CoreGraphics
import Foundation
import TensorFlowLite

struct Manifest: Decodable {
    let noise_size: Int
    let shape: [Int]  // height, width, channels
    let conditional: Bool
    let names: [String]
    let class_shares: [Double]
}

/// Not for several threads at once, and not for the one that draws the screen.
final class Generator {
    let manifest: Manifest
    private let signature: SignatureRunner

    init(bundle: Bundle = .main) throws {
        let facts = bundle.url(forResource: "manifest", withExtension: "json")!
        manifest = try JSONDecoder().decode(Manifest.self, from: Data(contentsOf: facts))
        let file = bundle.path(forResource: "model_dynamic", ofType: "tflite")!
        signature = try Interpreter(modelPath: file).signatureRunner(with: "serving_default")
    }

    /// A picture of new noise. Without a label, its class is drawn by the share of each class among
    /// the training images. Truncation 1 is as in training.
    func draw(label: Int32? = nil, truncation: Float = 1) throws -> CGImage {
        let z = (0..<manifest.noise_size).map { _ -> Float in  // Box and Muller: standard normal
            let radius = (-2 * log(Float.random(in: Float.leastNormalMagnitude...1))).squareRoot()
            return truncation * radius * cos(2 * .pi * Float.random(in: 0..<1))
        }
        var inputs = ["z": z.withUnsafeBufferPointer { Data(buffer: $0) }]
        if manifest.conditional {
            inputs["label"] = withUnsafeBytes(of: label ?? anyClass()) { Data($0) }
        }
        try signature.invoke(with: inputs)
        let data = try signature.output(named: "images").data  // [1, H, W, C] in [-1, 1]
        let floats = data.withUnsafeBytes { Array($0.bindMemory(to: Float32.self)) }
        let pixels = floats.map { UInt8(min(max(($0 + 1) * 127.5, 0), 255).rounded()) }
        let (height, width, channels) = (manifest.shape[0], manifest.shape[1], manifest.shape[2])
        let alpha: CGImageAlphaInfo = channels % 2 == 0 ? .last : .none
        return CGImage(
            width: width, height: height, bitsPerComponent: 8, bitsPerPixel: 8 * channels,
            bytesPerRow: width * channels,
            space: channels < 3 ? CGColorSpaceCreateDeviceGray() : CGColorSpaceCreateDeviceRGB(),
            bitmapInfo: CGBitmapInfo(rawValue: alpha.rawValue),
            provider: CGDataProvider(data: Data(pixels) as CFData)!, decode: nil,
            shouldInterpolate: true, intent: .defaultIntent)!
    }

    private func anyClass() -> Int32 {
        let shares = manifest.class_shares
        var left = Double.random(in: 0..<1) * shares.reduce(0, +)
        let found = shares.firstIndex { share in
            left -= share
            return left < 0
        }
        return Int32(found ?? shares.count - 1)
    }
}
