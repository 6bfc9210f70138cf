// Draws from an exported model on Android.
//
// build.gradle:  implementation 'com.google.ai.edge.litert:litert:2.3.0'
// src/main/assets/: model_dynamic.tflite and manifest.json of a version (DIR/N/)

package org.example.ganvas

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Color
import com.google.ai.edge.litert.Accelerator
import com.google.ai.edge.litert.CompiledModel
import java.util.Random
import kotlin.math.roundToInt
import org.json.JSONObject

/** Not for several threads at once, and not for the one that draws the screen. */
class Generator(context: Context) : AutoCloseable {
    private val facts = JSONObject(
        context.assets.open("manifest.json").bufferedReader().use { it.readText() })
    private val shape = facts.getJSONArray("shape").let { s -> List(s.length()) { s.getInt(it) } }
    /** Of the classes, by label; empty without classes, or if they are groups found by clustering. */
    val names: List<String> =
        facts.getJSONArray("names").let { s -> List(s.length()) { s.getString(it) } }
    private val model = CompiledModel.create(
        context.assets, "model_dynamic.tflite", CompiledModel.Options(Accelerator.CPU))
    private val inputs = buildMap {
        put("z", model.createInputBuffer("z", SIGNATURE))
        if (facts.getBoolean("conditional")) {
            put("label", model.createInputBuffer("label", SIGNATURE))
        }
    }
    private val outputs = mapOf("images" to model.createOutputBuffer("images", SIGNATURE))

    /**
     * A picture; the same seed and label, the same picture. Without a label, its class is drawn by
     * the share of each class among the training images. Truncation 1 is as in training.
     */
    fun draw(seed: Long, label: Int? = null, truncation: Float = 1f): Bitmap {
        val random = Random(seed)
        val size = facts.getInt("noise_size")
        inputs.getValue("z").writeFloat(
            FloatArray(size) { truncation * random.nextGaussian().toFloat() })
        inputs["label"]?.writeInt(intArrayOf(label ?: classOf(random.nextDouble())))
        model.run(inputs, outputs, SIGNATURE)
        val pixels = outputs.getValue("images").readFloat() // [1, H, W, C] in [-1, 1]
        val (height, width, channels) = shape
        val colours = IntArray(height * width) { i ->
            fun at(c: Int) =
                ((pixels[i * channels + c] + 1) * 127.5f).roundToInt().coerceIn(0, 255)
            val alpha = if (channels % 2 == 0) at(channels - 1) else 255
            if (channels < 3) Color.argb(alpha, at(0), at(0), at(0))
            else Color.argb(alpha, at(0), at(1), at(2))
        }
        return Bitmap.createBitmap(colours, width, height, Bitmap.Config.ARGB_8888)
    }

    /** The class in whose part of 0..1 the number lies; each part is as wide as the class's share. */
    private fun classOf(number: Double): Int {
        val shares = facts.getJSONArray("class_shares").let { s -> List(s.length()) { s.getDouble(it) } }
        var left = number * shares.sum()
        return shares.indexOfFirst { share -> left -= share; left < 0 }.let {
            if (it < 0) shares.lastIndex else it
        }
    }

    override fun close() {
        (inputs.values + outputs.values).forEach { it.close() }
        model.close()
    }

    private companion object { const val SIGNATURE = "serving_default" }
}
